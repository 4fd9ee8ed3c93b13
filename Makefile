# The README's two commands are `make up` and `make test`; both do all set-up on a fresh machine.
.DEFAULT_GOAL := help
SHELL := /bin/bash

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## build, and `tstack up`: on kind where an engine and images are, else in host mode; ends with the table of checks
	@scripts/up.sh $(ARGS)

down: ## everything that `make up` made in engine and home goes
	@scripts/tstack.sh down $(ARGS)

verify: ## the checks again, with load until it scales
	@scripts/tstack.sh verify --deep $(ARGS)

test: ## format, lints, documentation, every test that needs no cluster
	@scripts/test.sh

e2e: ## every promise on a real cluster; builds the test bed where it lacks
	@scripts/e2e.sh $(ARGS)

faults: ## faults put in on purpose on a real cluster, and the table of docs/reliability.md; ARGS="kills::helm_is_killed" for some
	@scripts/faults.sh $(ARGS)

fuzz: ## random bytes for every reader of what others write, 20 s each; ARGS="60 yaml" for other seconds and targets
	@scripts/fuzz.sh $(ARGS)

bench: ## what tstack costs, beside what people use instead; ARGS="--rounds 1 --only a,c" for less (bench/README.md)
	@scripts/bench.sh $(ARGS)

build: ## target/release/tstack, with the Task API's image inside
	@scripts/build.sh

testbed: ## node image, images and charts from packages, for machines that reach no container registry
	@python3 testbed/bed.py up

schema: ## writes stacks/stack.schema.json anew
	@TSTACK_UPDATE_SCHEMA=1 cargo test --quiet --lib schema

clean: ## what was built
	cargo clean
	rm -rf stacks/*/bin

.PHONY: help up down verify test e2e faults fuzz bench build testbed schema clean
