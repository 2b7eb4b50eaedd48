package witness

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// A client that reports on very many vaults cannot fill the witness's memory.
func TestReportsInMemoryAreBounded(t *testing.T) {
	t.Parallel()
	p := newPending()
	var vault [16]byte
	for n := range uint64(maxPending) {
		require.True(t, p.roomy())
		binary.BigEndian.PutUint64(vault[:], n)
		require.NoError(t, p.add(vault, []Checkpoint{{Head: "shared", Version: 1}}))
	}
	require.False(t, p.roomy())
	p.written(vault, heads{"shared": {Head: "shared", Version: 1}})
	require.True(t, p.roomy())
}

// A report that came while the flush was writing an earlier one stays.
func TestFlushRemovesOnlyWhatItWrote(t *testing.T) {
	t.Parallel()
	p := newPending()
	vault := [16]byte{1}
	require.NoError(t, p.add(vault, []Checkpoint{{Head: "shared", Version: 5}, {Head: "journal", Version: 5}}))
	p.written(vault, heads{"shared": {Head: "shared", Version: 4}, "journal": {Head: "journal", Version: 5}})
	require.Equal(t, heads{"shared": {Head: "shared", Version: 5}}, p.of(vault))
	p.written(vault, heads{"shared": {Head: "shared", Version: 6}})
	require.Empty(t, p.of(vault))
	require.Empty(t, p.vaults())
}
