// Package preview makes a small picture of a paper, so that a person finds it without
// opening each: of photos (JPEG, PNG, WebP, GIF) and of a PDF whose first page is a
// scan. Of all others there is none ([ErrNone]); the pages show an icon.
//
// Papers come from strangers, and programs that decode pictures are where strangers
// break in. So the bytes are decoded by a child process, which is this program
// started again with [Argument]: it gets the bytes by a pipe and answers by a pipe,
// has an empty environment, and dies at a deadline. On Linux it first gives up, for
// good, opening files, writing any, dumping its memory, and more than its share of
// memory and of processor time; elsewhere only the Go runtime's own memory limit,
// the bound on pixels and the deadline hold. It has the user's rights otherwise: it
// is a bulkhead against what breaks or swells, not a sandbox.
//
// No plaintext touches the disk, and nothing is logged.
package preview
