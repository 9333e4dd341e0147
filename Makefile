# Thin: everything real is in meson.build and tests/. Both targets set a fresh Debian 12 up by themselves.
BUILD ?= build

# Of its own, with sanitizers.
FUZZ_BUILD ?= build-fuzz
FUZZ_SECONDS ?= 60

.PHONY: all demo check bench fuzz setup clean

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

# Mad guests and mad networks against each card and each virtio device, FUZZ_SECONDS of CPU time each, with
# AddressSanitizer; FUZZ_SEED=N plays the same again.
fuzz:
	@scripts/install-packages
	@test -f $(FUZZ_BUILD)/build.ninja || \
		meson setup $(FUZZ_BUILD) --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	ninja -C $(FUZZ_BUILD) tests/device-nic-fuzz-test tests/device-virtio-fuzz-test
	@scripts/fuzz $(FUZZ_BUILD) $(FUZZ_SECONDS) $(FUZZ_SEED)

clean:
	rm -rf $(BUILD) $(FUZZ_BUILD)
