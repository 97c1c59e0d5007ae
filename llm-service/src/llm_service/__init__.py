"""A demo responder behind the OpenAI chat API, where there is no model server."""
