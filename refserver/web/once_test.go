package web

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestASecondClickWaitsForTheFirstAndGetsItsAnswer(t *testing.T) {
	t.Parallel()
	o := newOnce(time.Now)
	began, finish := make(chan struct{}), make(chan struct{})
	first := make(chan string, 1)
	go func() {
		answer, _ := o.do(context.Background(), "token", "form", func() (string, error) {
			close(began)
			<-finish
			return "first", nil
		})
		first <- answer
	}()
	<-began
	impatient, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := o.do(impatient, "token", "form", never(t))
	require.ErrorIs(t, err, context.Canceled)
	close(finish)
	second, err := o.do(context.Background(), "token", "form", never(t))
	require.NoError(t, err)
	require.Equal(t, "first", second)
	require.Equal(t, "first", <-first)
}

func never(t *testing.T) func() (string, error) {
	return func() (string, error) {
		t.Error("was done twice")
		return "", nil
	}
}

func TestWhatFailedIsTriedAgainAndOthersAreNotMixedUp(t *testing.T) {
	t.Parallel()
	now := time.Now()
	o := newOnce(func() time.Time { return now })
	_, err := o.do(context.Background(), "token", "form", func() (string, error) { return "", errors.New("broken") })
	require.Error(t, err)
	count := 0
	counting := func() (string, error) {
		count++
		return strconv.Itoa(count), nil
	}
	for i, key := range [][2]string{{"token", "form"}, {"token", "other"}, {"another", "form"}, {"token", ""}, {"token", ""}} {
		answer, err := o.do(context.Background(), key[0], key[1], counting)
		require.NoError(t, err)
		require.Equal(t, strconv.Itoa(i+1), answer)
	}
	now = now.Add(onceKeeps)
	answer, err := o.do(context.Background(), "token", "form", counting)
	require.NoError(t, err)
	require.Equal(t, "6", answer, "a form that is sent much later is meant")
}

func TestAFloodOfFormsTakesBoundedMemory(t *testing.T) {
	t.Parallel()
	o := newOnce(time.Now)
	for i := range 2*mostActs + 10 {
		_, err := o.do(context.Background(), "token", strconv.Itoa(i), func() (string, error) { return "", nil })
		require.NoError(t, err)
	}
	require.LessOrEqual(t, len(o.acts), mostActs)
}
