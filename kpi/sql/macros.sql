-- Text for a spreadsheet: behind an apostrophe if it would be taken for a formula (also behind spaces and invisible characters).
-- What starts with an ASCII letter or digit never is; that is nearly every cell, and cheaper to see than by the expression.
CREATE MACRO as_text(cell) AS
    CASE
        WHEN (cell >= 'A' AND cell < '[') OR (cell >= 'a' AND cell < '{') OR (cell >= '0' AND cell < ':') THEN cell
        WHEN regexp_matches(cell, '^[\s\p{Cf}]*[=+\-@|%''＝＋－＠⁺⁻\t\r\n]') THEN concat('''', cell)
        ELSE cell
    END;
