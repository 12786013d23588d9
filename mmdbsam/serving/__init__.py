"""The server of ``mmdbsam serve``: sessions, a page and viewers' protocol."""
