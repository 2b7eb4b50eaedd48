// Package testservices starts the servers that tests of drivers need: a real
// one on this machine, or a faithful one in the process. It belongs to tests
// alone. Every function fails or skips its test when a server cannot be had, and
// hands out a place that is empty and that nobody else uses.
//
// Nothing stays behind, also when the test process is killed: what is started
// outside of the process watches a pipe that only the process holds, and ends
// and removes its folder when the pipe breaks.
package testservices
