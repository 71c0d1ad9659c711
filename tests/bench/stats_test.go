package main

import (
	"math"
	"slices"
	"testing"
)

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		numbers []float64
		want    spread
	}{
		{[]float64{7}, spread{7, 7, 7, 7, 7}},
		{[]float64{3, 1, 2}, spread{1, 1.5, 2, 2.5, 3}},
		{[]float64{4, 1, 3, 2}, spread{1, 1.75, 2.5, 3.25, 4}},
		{[]float64{5, 4, 3, 2, 1}, spread{1, 2, 3, 4, 5}},
	} {
		before := slices.Clone(test.numbers)
		if got := spreadOf(test.numbers); got != test.want {
			t.Errorf("spreadOf(%v) = %v, want %v", test.numbers, got, test.want)
		}
		if !slices.Equal(before, test.numbers) {
			t.Errorf("spreadOf changed the order of %v", before)
		}
	}
	if got := spreadOf(nil).Median; !math.IsNaN(got) {
		t.Errorf("the median of nothing is %v, want NaN", got)
	}
}

func TestSpreadString(t *testing.T) {
	if got, want := (spread{0, 0.5, 1.234, 2, 9}).String(), "1.23 (0.50–2.00)"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

// A round in which the machine is ten times slower must not move the ratio.
func TestRatiosArePairwise(t *testing.T) {
	over, under := []float64{2, 20, 2}, []float64{1, 10, 1}
	if got, want := ratios(over, under), []float64{2, 2, 2}; !slices.Equal(got, want) {
		t.Errorf("ratios(%v, %v) = %v, want %v", over, under, got, want)
	}
	if got := ratios(over, under[:1]); len(got) != 1 {
		t.Errorf("one round is complete, and there are %d ratios", len(got))
	}
}
