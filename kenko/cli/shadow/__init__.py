"""`kenko shadow`: a second model beside the live one."""
