"""The Jobs page: jobs, sessions and batches in one table, filtered, paged and live."""
