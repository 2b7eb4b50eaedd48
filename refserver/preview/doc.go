// Package preview makes a small picture of a paper, so that a person finds it without
// opening each: of photos (JPEG, PNG, WebP, GIF) and of a PDF whose first page is a
// scan. Of all others there is none ([ErrNone]); the pages show an icon.
//
// Papers come from strangers, and programs that decode pictures are where strangers
// break in. So the bytes are decoded by a child process, which is this program
// started again with [Argument], behind what package bulkhead says; pixels are counted
// before they are decoded.
//
// No plaintext touches the disk, and nothing is logged.
package preview
