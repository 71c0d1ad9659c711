package main

import (
	"fmt"
	"math"
	"slices"
)

// spread tells how numbers are distributed.
type spread struct {
	Min, Q1, Median, Q3, Max float64
}

// spreadOf sorts a copy of the numbers. Of none, everything is NaN.
func spreadOf(numbers []float64) spread {
	sorted := slices.Sorted(slices.Values(numbers))
	return spread{
		Min: quantile(sorted, 0), Q1: quantile(sorted, 0.25), Median: quantile(sorted, 0.5),
		Q3: quantile(sorted, 0.75), Max: quantile(sorted, 1),
	}
}

// quantile interpolates between the two nearest of the sorted numbers.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	position := q * float64(len(sorted)-1)
	below := int(position)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (position-float64(below))*(sorted[above]-sorted[below])
}

// ratios divides pair by pair. Both numbers of a pair come from the same round, so
// that a slow minute of the machine cancels out.
func ratios(over, under []float64) []float64 {
	pairs := make([]float64, min(len(over), len(under)))
	for i := range pairs {
		pairs[i] = over[i] / under[i]
	}
	return pairs
}

// String is the median and, in parentheses, the middle half.
func (s spread) String() string {
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Q1, s.Q3)
}
