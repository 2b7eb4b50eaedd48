// Package printing makes one PDF of several papers, in the order in which they were
// chosen, so that they are printed in one go: photos (JPEG, PNG, WebP, GIF) become pages
// of A4, the pages of a PDF stay as they are. It names the paper that cannot be printed.
//
// Papers come from strangers, and what reads PDFs is where strangers break in. So all of
// it happens in a child process, which is this program started again with [Argument],
// behind what package bulkhead says. What would run or reach out in a PDF, actions,
// scripts, files attached, links, does not come along: it is ink on pages.
//
// No plaintext touches the disk, and nothing is logged.
package printing
