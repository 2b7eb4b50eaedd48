//go:build !race

package vault_test

const slower = 1
