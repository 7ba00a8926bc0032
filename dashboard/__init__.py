"""The page: templates and modules that `dashboard.build` makes into static files."""
