package quota_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/storage"
)

func (b *books) ask(reason string) (inc quota.Increase, err error) {
	err = b.do(func(tx *storage.Tx) (err error) {
		inc, err = b.q.RequestIncrease(tx, vault, []byte(reason))
		return err
	})
	return inc, err
}

func (b *books) decide(d quota.Decision) (inc quota.Increase, err error) {
	err = b.do(func(tx *storage.Tx) (err error) {
		inc, err = b.q.Decide(tx, vault, d)
		return err
	})
	return inc, err
}

func (b *books) increases() (all []quota.Increase) {
	require.NoError(b.t, b.do(func(tx *storage.Tx) (err error) {
		all, err = b.q.Increases(tx, vault)
		return err
	}))
	return all
}

func (b *books) pending() (all []quota.Increase) {
	for inc, err := range b.q.Pending(b.ctx, b.store) {
		require.NoError(b.t, err)
		all = append(all, inc)
	}
	return all
}

func TestAFullSafeIsDoubledOnRequest(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{})
	asked := b.clock.now()
	require.NoError(t, b.charge(150_000_000))
	_, err := b.reserve("one-more-paper", 1)
	require.ErrorIs(t, err, quota.ErrFull)

	inc, err := b.ask("sealed: papers of two children")
	require.NoError(t, err)
	expect := quota.Increase{
		Owner: vault, Number: 1, Asked: asked, Reason: []byte("sealed: papers of two children"),
		Limit: 300_000_000, State: quota.Waiting,
	}
	require.Equal(t, expect, inc)
	require.EqualValues(t, 150_000_000, b.usage().Limit, "asking is not having")
	_, err = b.ask("again")
	require.ErrorIs(t, err, quota.ErrPending)
	require.Equal(t, []quota.Increase{expect}, b.pending())
	require.Equal(t, []quota.Increase{expect}, b.increases())

	b.clock.forward(time.Hour)
	yes := quota.Decision{Number: 1, Approve: true, By: "operator Anne", Why: "a family"}
	inc, err = b.decide(yes)
	require.NoError(t, err)
	expect.State, expect.Decided, expect.By, expect.Why = quota.Approved, asked.Add(time.Hour), "operator Anne", "a family"
	require.Equal(t, expect, inc)
	require.Equal(t, quota.Usage{Limit: 300_000_000, Used: 150_000_000, Left: 150_000_000}, b.usage())
	require.Empty(t, b.pending())
	require.Equal(t, []quota.Increase{expect}, b.increases())
	_, err = b.reserve("one-more-paper", 150_000_000)
	require.NoError(t, err)

	b.clock.forward(time.Hour)
	inc, err = b.decide(yes)
	require.NoError(t, err, "a second click")
	require.Equal(t, expect, inc)
	for _, other := range []quota.Decision{
		{Number: 1, By: "operator Anne", Why: "a family"},
		{Number: 1, Approve: true, By: "operator Bob", Why: "a family"},
		{Number: 1, Approve: true, By: "operator Anne", Why: "a mistake"},
	} {
		inc, err = b.decide(other)
		require.ErrorIs(t, err, quota.ErrDecided)
		require.Equal(t, expect, inc, "the answer says what stands")
	}
	require.EqualValues(t, 300_000_000, b.usage().Limit)
}

func TestARefusedRequestKeepsWhoAndWhyAndCanBeAskedAgain(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.ask("one")
	require.NoError(t, err)
	_, err = b.decide(quota.Decision{Number: 1, By: "Bob", Why: "later"})
	require.NoError(t, err)
	require.EqualValues(t, 100, b.usage().Limit)

	_, err = b.ask("two")
	require.NoError(t, err)
	_, err = b.decide(quota.Decision{Number: 1, Approve: true, By: "Anne"})
	require.ErrorIs(t, err, quota.ErrDecided, "a click on the page of the first request does not decide the second")
	_, err = b.decide(quota.Decision{Number: 3, Approve: true, By: "Anne"})
	require.ErrorIs(t, err, quota.ErrNoIncrease)
	require.Len(t, b.pending(), 1)
	_, err = b.decide(quota.Decision{Number: 2, Approve: true, By: "Anne"})
	require.NoError(t, err)

	all := b.increases()
	require.Len(t, all, 2)
	require.Equal(t, []string{"refused", "Bob", "later"}, []string{all[0].State.String(), all[0].By, all[0].Why})
	require.Equal(t, []string{"approved", "Anne", ""}, []string{all[1].State.String(), all[1].By, all[1].Why})
}

func TestTheDefaultPolicyDoublesOnce(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100})
	_, err := b.ask("")
	require.NoError(t, err)
	_, err = b.decide(quota.Decision{Number: 1, Approve: true, By: "Anne"})
	require.NoError(t, err)
	for range 5 {
		inc, err := b.ask("more still")
		require.NoError(t, err)
		require.Equal(t, quota.Refused, inc.State)
		require.Equal(t, quota.ByPolicy, inc.By)
		require.NotEmpty(t, inc.Why)
		require.False(t, inc.Decided.IsZero())
	}
	require.Empty(t, b.pending())
	require.EqualValues(t, 200, b.usage().Limit)
	all := b.increases()
	require.Len(t, all, 2, "of refusals in a row only the last")
	require.EqualValues(t, 6, all[1].Number)
}

func TestNothingIsDecidedWhereNothingWasAsked(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{})
	_, err := b.decide(quota.Decision{Number: 1, Approve: true, By: "Anne"})
	require.ErrorIs(t, err, quota.ErrNoIncrease)
	_, err = b.decide(quota.Decision{Approve: true, By: "Anne"})
	require.ErrorIs(t, err, quota.ErrNoIncrease)
	for _, d := range []quota.Decision{
		{Number: 1}, {Number: 1, By: quota.ByPolicy}, {Number: 1, By: strings.Repeat("a", quota.MaxBy+1)},
		{Number: 1, By: "Anne", Why: strings.Repeat("a", quota.MaxWhy+1)}, {Number: 1, By: "\xff"},
	} {
		_, err = b.decide(d)
		require.ErrorIs(t, err, storage.ErrInvalid)
	}
	_, err = b.ask(strings.Repeat("a", quota.MaxReason+1))
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.Equal(t, []string{"v1/q"}, b.keys(""))
}

func TestAnErasedOwnerAsksForNothing(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{})
	_, err := b.ask("")
	require.NoError(t, err)
	require.NoError(t, b.do(func(tx *storage.Tx) error { return b.q.Close(tx, vault) }))
	require.Empty(t, b.pending())
	_, err = b.decide(quota.Decision{Number: 1, Approve: true, By: "Anne"})
	require.ErrorIs(t, err, quota.ErrNoLedger)
	_, err = b.ask("")
	require.ErrorIs(t, err, quota.ErrNoLedger)
}

func TestTheOperatorSeesTheRequestsOfAllOwnersAndNothingElse(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{})
	for i := range 250 {
		owner := fmt.Sprintf("o%03d", i)
		require.NoError(t, b.do(func(tx *storage.Tx) error {
			if err := b.q.Open(tx, owner); err != nil || i%2 == 1 {
				return err
			}
			_, err := b.q.RequestIncrease(tx, owner, []byte(owner))
			return err
		}))
	}
	all := b.pending()
	require.Len(t, all, 125)
	for i, inc := range all {
		require.Equal(t, fmt.Sprintf("o%03d", 2*i), inc.Owner)
		require.Equal(t, inc.Owner, string(inc.Reason))
	}
}

// stepwise approves at once, 100 bytes at a time, up to a limit, as an embedder
// with a large disk may want.
type stepwise struct{ limit int64 }

func (p stepwise) Consider(_ quota.Increase, u quota.Usage) (quota.Verdict, error) {
	if u.Limit+100 > p.limit {
		return quota.Verdict{State: quota.Refused, Why: "no more steps"}, nil
	}
	return quota.Verdict{State: quota.Approved, Limit: u.Limit + 100, Why: "a step"}, nil
}

func TestAnEmbeddersPolicyCanApproveAtOnce(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100, Policy: stepwise{limit: 300}})
	for _, expect := range []int64{200, 300} {
		inc, err := b.ask("")
		require.NoError(t, err)
		require.Equal(t, quota.Approved, inc.State)
		require.Equal(t, "a step", inc.Why)
		require.Equal(t, expect, b.usage().Limit)
	}
	inc, err := b.ask("")
	require.NoError(t, err)
	require.Equal(t, quota.Refused, inc.State)
	require.EqualValues(t, 300, b.usage().Limit)
}

type says struct {
	verdict quota.Verdict
	err     error
}

func (p says) Consider(quota.Increase, quota.Usage) (quota.Verdict, error) { return p.verdict, p.err }

func TestAPolicyIsNotBelievedEverything(t *testing.T) {
	t.Parallel()
	broken := errors.New("out of order")
	b := openBooks(t, quota.Config{Allowance: 100, Policy: says{err: broken}})
	_, err := b.ask("")
	require.ErrorIs(t, err, broken)
	for _, v := range []quota.Verdict{
		{}, {State: 4, Limit: 200}, {State: quota.Approved}, {State: quota.Approved, Limit: 100},
		{State: quota.Waiting, Limit: -1}, {State: quota.Refused, Why: strings.Repeat("a", quota.MaxWhy+1)},
	} {
		b.q, err = quota.New(quota.Config{Allowance: 100, Policy: says{verdict: v}, Now: b.clock.now})
		require.NoError(t, err)
		_, err = b.ask("")
		require.ErrorIs(t, err, storage.ErrInvalid, "%+v", v)
	}
	require.Equal(t, []string{"v1/q"}, b.keys(""))
}

// alwaysMore leaves one more byte to an operator, without end.
type alwaysMore struct{}

func (alwaysMore) Consider(_ quota.Increase, u quota.Usage) (quota.Verdict, error) {
	return quota.Verdict{State: quota.Waiting, Limit: u.Limit + 1}, nil
}

func TestTheHistoryIsBoundedAndForgetsApprovalsLast(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100, Policy: alwaysMore{}})
	reason := strings.Repeat("r", quota.MaxReason) // the most that can be kept fits one record
	decision := quota.Decision{By: strings.Repeat("b", quota.MaxBy), Why: strings.Repeat("w", quota.MaxWhy)}
	const asked = quota.MaxIncreases + 20
	for n := range uint64(asked) {
		_, err := b.ask(reason)
		require.NoError(t, err)
		decision.Number, decision.Approve = n+1, n == 3
		_, err = b.decide(decision)
		require.NoError(t, err)
	}
	all := b.increases()
	require.Len(t, all, quota.MaxIncreases)
	require.EqualValues(t, 4, all[0].Number)
	require.Equal(t, quota.Approved, all[0].State)
	require.EqualValues(t, asked, all[quota.MaxIncreases-1].Number)
	require.EqualValues(t, 101, b.usage().Limit)
}

func TestOfApprovalsOnlyTheOldestIsForgotten(t *testing.T) {
	t.Parallel()
	b := openBooks(t, quota.Config{Allowance: 100, Policy: stepwise{limit: 1 << 20}})
	for range quota.MaxIncreases + 1 {
		_, err := b.ask("")
		require.NoError(t, err)
	}
	all := b.increases()
	require.Len(t, all, quota.MaxIncreases)
	require.EqualValues(t, 2, all[0].Number)
	require.EqualValues(t, 100+100*(quota.MaxIncreases+1), b.usage().Limit)
}
