"""The image API as an OpenAPI 3.1 document: ``python -m stackwire.image.openapi`` prints it.

``document.py`` assembles it from the service's routes (``http/routes.py``), the schemas it publishes
(``domain/schemas.py``, ``domain/metadefs_schemas.py``) and reads by (``domain/metadefs_requests.py``), and the
descriptions of calls in ``calls.py`` and ``metadefs.py``.
"""
