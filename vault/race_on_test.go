//go:build race

package vault_test

// slower is how much less the long tests do where the race detector makes each
// step several times as slow.
const slower = 4
