# Thin: everything real is in meson.build and tests/. Both targets set a fresh Debian 12 up by themselves.
BUILD ?= build

.PHONY: all demo check bench setup clean

all: setup
	ninja -C $(BUILD)

setup:
	@scripts/install-packages
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) >/dev/null

# Record a small guest of our own, replay it, and show that both ended in the same state.
demo: all
	@scripts/demo $(BUILD)

# All tests; ends with a line "N passed, N failed".
check: all
	@scripts/check $(BUILD)

# How fast the engines are on each hot path; BENCH="miss indirect" for some of them.
bench: all
	@$(BUILD)/tests/bench-bench-engines $(BENCH)

clean:
	rm -rf $(BUILD)
