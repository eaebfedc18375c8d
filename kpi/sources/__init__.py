"""Sources without code: a mapping (TOML) says how a vendor's export becomes events."""
