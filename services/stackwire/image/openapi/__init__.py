"""The image API as an OpenAPI 3.1 document: ``python -m stackwire.image.openapi`` prints it.

``document.py`` puts it together from the routes the service has (``http/routes.py``), the schemas it tells
(``domain/schemas.py``, ``domain/metadefs_schemas.py``) and reads by (``domain/metadefs_requests.py``), and what
``calls.py`` and ``metadefs.py`` say of each call.
"""
