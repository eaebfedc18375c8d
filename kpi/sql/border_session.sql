-- The rights of the process that decodes: no network, no extensions, nothing but its own folder.
SET TimeZone = 'UTC';
SET enable_progress_bar = false;
SET python_enable_replacements = false;
SET autoinstall_known_extensions = false;
SET autoload_known_extensions = false;
SET allow_community_extensions = false;
SET max_temp_directory_size = '20GB';
-- A file's own minimum and maximum may lie: with them, "resolved in 9999" is decided without looking at a single row.
SET disabled_optimizers = 'statistics_propagation,filter_pushdown';
