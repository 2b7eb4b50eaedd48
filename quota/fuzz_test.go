package quota

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzIncreases: requests for more, alone and in a list, are read as they were
// written or are ErrLedger, and what was read passes on to people and back.
func FuzzIncreases(f *testing.F) {
	waiting := storedIncrease{Number: 1, Asked: 1, Reason: []byte{1}, Limit: 2, State: uint8(Waiting)}
	decided := storedIncrease{Number: 2, Asked: -1 << 62, Limit: 1 << 62, State: uint8(Refused), Decided: 3, By: ByPolicy, Why: "نعم"}
	for _, v := range []any{waiting, decided, storedHistory{}, storedHistory{Increases: []storedIncrease{waiting, decided}}} {
		value, err := encode(v)
		require.NoError(f, err)
		f.Add(value)
	}
	f.Add([]byte{})
	f.Add([]byte{format, 0xa0})
	f.Fuzz(func(t *testing.T, value []byte) {
		var one storedIncrease
		var all storedHistory
		oneErr, allErr := decode("k", value, &one), decode("k", value, &all)
		if oneErr == nil {
			require.Equal(t, value, encoded(t, one))
			all.Increases = append(all.Increases, one)
		} else {
			require.ErrorIs(t, oneErr, ErrLedger)
		}
		if allErr == nil {
			require.Equal(t, value, encoded(t, all))
		} else {
			require.ErrorIs(t, allErr, ErrLedger)
		}
		for _, s := range all.Increases {
			if err := s.check("k", s.State == uint8(Waiting)); err != nil {
				require.ErrorIs(t, err, ErrLedger)
				continue
			}
			again := s.public("v1").stored()
			if s.State == uint8(Waiting) { // when it is decided means nothing yet
				again.Decided = s.Decided
			}
			require.Equal(t, s, again)
		}
	})
}
