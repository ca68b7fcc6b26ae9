/*
 * cpu - what this processor has and the system lets programs use, as the C
 * library found at start-up.
 *
 * Not __builtin_cpu_supports: that asks the processor once more when a program
 * starts, and a virtual machine's host answers each of those questions.
 */
#ifndef GP_CPU_H
#define GP_CPU_H

#if defined(__x86_64__)
#include <stdbool.h>
#include <sys/platform/x86.h>

static inline bool
gp_cpu_has_aes(void)
{
	return CPU_FEATURE_ACTIVE(AES);
}

static inline bool
gp_cpu_has_avx2(void)
{
	return CPU_FEATURE_ACTIVE(AVX2);
}

static inline bool
gp_cpu_has_bmi2(void)
{
	return CPU_FEATURE_ACTIVE(BMI2);
}
#endif

#endif
