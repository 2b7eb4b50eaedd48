package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// result is one line of the table.
type result struct {
	id, what string
	value    string
	target   string // "": none
	pass     bool   // if there is a target
}

// verdict is what a reader looks for first.
func (r result) verdict(pass, fail string) string {
	switch {
	case r.target == "":
		return ""
	case r.pass:
		return pass
	}
	return fail
}

// printTable prints the lines side by side or, to be pasted, as docs/performance.md has them.
func printTable(out io.Writer, results []result, paste bool) error {
	if paste {
		fmt.Fprint(out, "| id | what | measured | target | |\n|---|---|---|---|---|\n")
		for _, r := range results {
			if _, err := fmt.Fprintf(out, "| %s | %s | %s | %s | %s |\n", r.id, r.what, r.value, r.target, r.verdict("met", "**missed**")); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "id\twhat\tmeasured\ttarget\t")
	for _, r := range results {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.id, r.what, r.value, r.target, r.verdict("pass", "FAIL"))
	}
	return table.Flush()
}
