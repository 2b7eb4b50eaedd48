package api

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRangesAreReadAsTheRFCSays(t *testing.T) {
	t.Parallel()
	whole, part, nothing := "whole", "part", "nothing"
	for _, c := range []struct {
		header string
		size   int64
		kind   string
		offset int64
		length int64
	}{
		{"", 1000, whole, 0, 0},
		{"bytes=0-0", 1000, part, 0, 1},
		{"bytes=0-499", 1000, part, 0, 500},
		{"bytes=500-999", 1000, part, 500, 500},
		{"bytes=500-", 1000, part, 500, 500},
		{"bytes=999-", 1000, part, 999, 1},
		{"bytes=-500", 1000, part, 500, 500},
		{"bytes=-1", 1000, part, 999, 1},
		{"bytes=-5000", 1000, part, 0, 1000},
		{"bytes=0-5000", 1000, part, 0, 1000},
		{"Bytes= 0-0 ", 1000, part, 0, 1},
		{"bytes=0-99999999999999999999", 1000, part, 0, 1000},
		{"bytes=-99999999999999999999", 1000, part, 0, 1000},
		// Nothing lies there.
		{"bytes=1000-", 1000, nothing, 0, 0},
		{"bytes=1000-1001", 1000, nothing, 0, 0},
		{"bytes=99999999999999999999-", 1000, nothing, 0, 0},
		{"bytes=-0", 1000, nothing, 0, 0},
		{"bytes=0-", 0, nothing, 0, 0},
		{"bytes=-1", 0, nothing, 0, 0},
		// Not understood, or too much: the whole.
		{"bytes=", 1000, whole, 0, 0},
		{"bytes=-", 1000, whole, 0, 0},
		{"bytes=a-b", 1000, whole, 0, 0},
		{"bytes=+1-2", 1000, whole, 0, 0},
		{"bytes=--1", 1000, whole, 0, 0},
		{"bytes=1--2", 1000, whole, 0, 0},
		{"bytes=5-4", 1000, whole, 0, 0},
		{"bytes=0-1,3-4", 1000, whole, 0, 0},
		{"bytes=0-,0-,0-", 1000, whole, 0, 0},
		{"bytes 0-1", 1000, whole, 0, 0},
		{"lines=0-1", 1000, whole, 0, 0},
	} {
		got, err := wantedPart(c.header, c.size)
		switch c.kind {
		case whole:
			require.NoError(t, err, c.header)
			require.Nil(t, got, c.header)
		case nothing:
			require.ErrorIs(t, err, errRange, c.header)
		default:
			require.NoError(t, err, c.header)
			require.Equal(t, &span{c.offset, c.length}, got, c.header)
		}
	}
	require.Equal(t, "bytes 500-999/1000", span{500, 500}.contentRange(1000))
}

func TestRevisionsAreReadFromEntityTags(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]uint64{
		`"7"`: 7, ` "7" `: 7, `"18446744073709551615"`: 18446744073709551615,
		// Tags that this server never gave match nothing.
		`W/"7"`: 0, `"07"`: 0, `"+7"`: 0, `"x"`: 0, `""`: 0, `"99999999999999999999"`: 0,
	} {
		got, err := wantedRevision(header)
		require.NoError(t, err, header)
		require.Equal(t, want, got, header)
	}
	for _, header := range []string{"", "  "} {
		_, err := wantedRevision(header)
		require.ErrorIs(t, err, errPrecondition, header)
	}
	for _, header := range []string{"*", "7", `"7`, `7"`, `"6", "7"`, `"`} {
		_, err := wantedRevision(header)
		require.Error(t, err, header)
		require.Equal(t, "invalid", problemOf(err).kind.code, header)
	}
}

func TestUnchangedComparesWeakly(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		`"7"`: true, `W/"7"`: true, `"6", "7"`: true, `"6",W/"7"`: true, "*": true,
		"": false, `"6"`: false, `7`: false, `"77"`: false,
	} {
		require.Equal(t, want, unchanged(header, `"7"`), header)
	}
}
