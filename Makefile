# What a person or a machine does with this tree. Each target sets up by itself what it needs.

CARGO ?= cargo
SPEECH := tests/data/speech.wav
PEOPLE := /usr/share/pocketsphinx/test/data
TALK := $(PEOPLE)/librivox/sense_and_sensibility_01_austen_64kb-0880.wav $(PEOPLE)/cards/003.wav@3s $(PEOPLE)/cards/001.wav

.PHONY: demo scribe talk test test-rust test-console-set-up test-speech-set-up test-soxr-set-up test-sdks test-new test-long fuzz races bench-peers soak docs oracles lint man deps clean

## Hear the echo agent in a room on this machine; the results are in out/demo/.
demo: deps
	$(CARGO) run --quiet -- demo --agent echo --input $(SPEECH) --out out/demo

## Hear words: what a person says, live and as a transcript; the results are in out/scribe/.
scribe: deps
	$(CARGO) run --quiet -- engines install moonshine
	$(CARGO) run --quiet -- demo --agent scribe --input $(or $(INPUT),$(SPEECH)) --out out/scribe

## A conversation: people's recordings ask, interrupt and thank, the concierge answers aloud; the results are in out/talk/.
talk: deps
	@$(if $(INPUT),true,ci/recordings)
	$(CARGO) run --quiet -- engines install moonshine hibari
	$(CARGO) run --quiet -- demo --agent concierge --out out/talk $(addprefix --input ,$(or $(INPUT),$(TALK)))

## Everything that is tested, the official SDKs against the sandbox included.
test: deps test-console-set-up test-speech-set-up test-soxr-set-up test-rust test-new test-sdks oracles

test-rust: deps
	$(CARGO) test --quiet
	$(CARGO) test --quiet --no-default-features --lib --bins

## A sound server for the tests of microphone and speaker.
test-console-set-up: deps
	tests/console/set-up

## Engines, voices and recordings for the tests of speech; without them those say what they miss and pass.
test-speech-set-up: deps
	tests/speech/set-up

## A resampler of another make, to compare ours with; without it that test says so and passes.
test-soxr-set-up: deps
	tests/soxr/set-up

## The project that `roomtone new` makes.
test-new: deps
	tests/new/run

test-sdks: deps
	$(CARGO) build --quiet
	tests/sdk/run

## The platforms' own public clients, before the same servers as roomtone, and a page in a real browser.
oracles: deps
	$(CARGO) build --quiet
	tests/oracles/run

## What takes longer than a test may: microphone and speaker for five minutes, and every test five times while others keep the cores busy.
test-long: deps test-console-set-up
	$(CARGO) test --quiet --test console -- --ignored --exact devices_come_and_go::five_minutes_lose_nothing --nocapture
	ci/flaky 5

## The readers of what comes from outside, against made-up bytes, a minute each.
fuzz: deps
	ci/fuzz

## The hand-overs between threads, under loom and ThreadSanitizer.
races: deps
	ci/races

## A host for half an hour among people who come, speak and go, on a link that fails. MINUTES and SEED may be set.
soak: deps
	$(CARGO) bench --bench soak -- --minutes $(or $(MINUTES),30) --seed $(or $(SEED),1)

## The same load, and the same conversations, for roomtone and for what one would otherwise pick; writes docs/benchmarks.md. An hour and
## a half, and the machine should have nothing else to do.
bench-peers: deps
	$(CARGO) build --release --quiet
	benches/peers/run

## Formatting, lints, documentation, licences.
lint: deps
	$(CARGO) fmt --check
	$(CARGO) clippy --quiet --all-targets -- -D warnings
	$(CARGO) clippy --quiet --no-default-features --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --no-deps --document-private-items
	ci/licences

## The documents that the code makes of itself: docs/events.md and docs/events.schema.json. A test holds them.
docs: deps
	ROOMTONE_WRITE_DOCS=1 $(CARGO) test --quiet --lib docs::

## The program's man pages, in out/man/.
man: deps
	$(CARGO) run --quiet -- man --out out/man

## System packages, asked for by name where they are missing and cannot be installed.
deps:
	@ci/deps

clean:
	$(CARGO) clean
	rm -rf out
