-- Text for a spreadsheet: behind an apostrophe if it would be taken for a formula (also behind spaces and invisible characters).
CREATE MACRO as_text(cell) AS
    CASE
        WHEN regexp_matches(cell, '^[\s\p{Cf}]*[=+\-@|%''＝＋－＠⁺⁻\t\r\n]') THEN concat('''', cell)
        ELSE cell
    END;
