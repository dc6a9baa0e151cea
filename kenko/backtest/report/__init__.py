"""The page of a back-test. Needs the extra `report`: matplotlib and Jinja2."""
