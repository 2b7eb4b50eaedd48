package closing

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

type door struct {
	house  *Open[*door]
	closed int
	err    error
}

func (d *door) Close() error {
	d.closed++
	d.house.Remove(d)
	return d.err
}

func TestWhatIsLeftOpenIsClosedOnceAndEveryErrorIsTold(t *testing.T) {
	t.Parallel()
	var house Open[*door]
	stuck := errors.New("stuck")
	front, back, cellar := &door{house: &house}, &door{house: &house, err: stuck}, &door{house: &house}
	for _, d := range []*door{front, back, cellar} {
		house.Add(d)
	}
	require.NoError(t, cellar.Close())
	require.ErrorIs(t, house.Close(), stuck)
	require.NoError(t, house.Close(), "nothing is open any more")
	for _, d := range []*door{front, back, cellar} {
		require.Equal(t, 1, d.closed)
	}
}
