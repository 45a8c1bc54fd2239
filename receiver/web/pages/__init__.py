"""The status pages: routes, templates, and the filters that the templates use."""
