"""Public help for tests: conformance kits for plug-ins and synthetic music of known properties."""
