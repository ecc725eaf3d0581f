// What `-fsanitize-coverage=trace-pc` calls at each branch of libopus. libFuzzer reads the counters by their section.
#include <stdint.h>

__attribute__((section("__libfuzzer_extra_counters"), used)) static uint8_t counters[1 << 16];

__attribute__((no_sanitize_coverage, no_sanitize_address)) void __wrap___sanitizer_cov_trace_pc(void) {
    uintptr_t at = (uintptr_t)__builtin_return_address(0) - (uintptr_t)&__wrap___sanitizer_cov_trace_pc;
    counters[at % sizeof counters]++;
}
