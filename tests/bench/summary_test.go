package main

import (
	"slices"
	"testing"
)

func TestSummary(t *testing.T) {
	s := section{
		Name: "starts", Subject: "program", Ratios: []string{"lesson 5 ÷ it", ratioOfLesson6},
		Rows: []row{
			{As: "root", Subject: lesson6, Wall: spreadOf([]float64{0.0123})},
			{As: "root", Subject: "runc", Ratios: map[int]spread{0: {9, 9, 9, 9, 9}, 1: {0.4, 0.45, 0.5, 0.55, 0.6}}},
			{As: "user", Subject: lesson6, Wall: spreadOf([]float64{0.02})},
			{As: "user", Subject: "crun", Ratios: map[int]spread{1: {0.7, 0.7, 0.7, 0.7, 0.7}}},
		},
	}
	head, rows := s.summary()
	if want := []string{"starts", lesson6, "runc", "crun"}; !slices.Equal(head, want) {
		t.Errorf("the head is %q, want %q", head, want)
	}
	want := [][]string{{"root", "12.3 ms", "0.50 (0.45–0.55)", ""}, {"user", "20.0 ms", "", "0.70 (0.70–0.70)"}}
	if !slices.EqualFunc(rows, want, slices.Equal[[]string]) {
		t.Errorf("the rows are %q, want %q", rows, want)
	}
}
