# `make model` checks the Promela model with spin, all its variants; test/model/README.md says what it is.
.PHONY: model
model:
	tools/model
