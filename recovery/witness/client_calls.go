package witness

import (
	"bytes"
	"context"
	"fmt"
	"time"
	"unicode/utf8"
)

// Latest is [Witness.Latest].
func (c *Client) Latest(ctx context.Context, vault [16]byte) ([]Checkpoint, error) {
	answer, err := ask[headsAnswer](ctx, c, "latest", aboutVault{Vault: vault}, smallMessage, smallMessage, mayRepeat)
	return answer.read(vault, "latest", err)
}

// Raise is [Witness.Raise].
func (c *Client) Raise(ctx context.Context, vault [16]byte, heads []Checkpoint, owner []byte, durable bool) ([]Checkpoint, error) {
	request := raiseRequest{Vault: vault, Heads: toWire(heads), Owner: owner, Durable: durable}
	answer, err := ask[headsAnswer](ctx, c, "raise", request, ownerMessage, smallMessage, mayRepeat)
	return answer.read(vault, "raise", err)
}

func (a *headsAnswer) read(vault [16]byte, doing string, err error) ([]Checkpoint, error) {
	if err == nil && (a.Vault != vault || !inOrder(a.Heads)) {
		err = errAstray
	}
	if err != nil {
		return nil, closedSet(doing, err)
	}
	return fromWire(a.Heads), nil
}

// Keep is [Witness.Keep].
func (c *Client) Keep(ctx context.Context, vault [16]byte, owner []byte, side []Kept) error {
	for _, k := range side {
		if !utf8.ValidString(k.Key) { // JSON would send another one
			return closedSet("keep", fmt.Errorf("%w: a key of the owner side is malformed", ErrInvalid))
		}
	}
	request := keepRequest{Vault: vault, Owner: owner, Side: sideToWire(side)}
	answer, err := ask[doneAnswer](ctx, c, "keep", request, sideMessage, smallMessage, mayRepeat)
	return answer.read(vault, "keep", err)
}

// OwnerSide is [Witness.OwnerSide]. Verify the head, and the records by its
// digests: the client does not.
func (c *Client) OwnerSide(ctx context.Context, vault [16]byte) (owner []byte, side []Kept, err error) {
	answer, err := ask[ownerSideAnswer](ctx, c, "owner-side", aboutVault{Vault: vault}, smallMessage, sideMessage, mayRepeat)
	if err == nil && answer.Vault != vault {
		err = errAstray
	}
	if err != nil {
		return nil, nil, closedSet("owner side", err)
	}
	return answer.Owner, sideFromWire(answer.Side), nil
}

// Inbox is [Witness.Inbox]. Verify its signature: the client does not.
func (c *Client) Inbox(ctx context.Context) (inbox []byte, err error) {
	answer, err := ask[inboxAnswer](ctx, c, "inbox", inboxRequest{}, smallMessage, smallMessage, mayRepeat)
	if err != nil {
		return nil, closedSet("inbox", err)
	}
	return answer.Inbox, nil
}

// Restore is [Witness.Restore]. Verify the complete statement with both keys: the
// client does not.
func (c *Client) Restore(ctx context.Context, vault [16]byte, statement []byte) (complete []byte, err error) {
	if len(statement) > maxStatement {
		return nil, closedSet("restore", fmt.Errorf("%w: a statement of %d bytes", ErrRestore, len(statement)))
	}
	request := restoreRequest{Vault: vault, Statement: statement}
	answer, err := ask[completeAnswer](ctx, c, "restore", request, smallMessage, smallMessage, mayRepeat)
	return answer.read(vault, "restore", err)
}

// Restored is [Witness.Restored]. Verify the complete statement with both keys:
// the client does not.
func (c *Client) Restored(ctx context.Context, vault [16]byte) (complete []byte, err error) {
	answer, err := ask[completeAnswer](ctx, c, "restored", aboutVault{Vault: vault}, smallMessage, smallMessage, mayRepeat)
	return answer.read(vault, "restored", err)
}

func (a *completeAnswer) read(vault [16]byte, doing string, err error) ([]byte, error) {
	if err == nil && a.Vault != vault {
		err = errAstray
	}
	if err != nil {
		return nil, closedSet(doing, err)
	}
	return a.Complete, nil
}

// Vaults is [Witness.Vaults], of the vaults of this client.
func (c *Client) Vaults(ctx context.Context, after [16]byte, limit int) ([][16]byte, error) {
	answer, err := ask[vaultsAnswer](ctx, c, "vaults", vaultsRequest{After: after, Limit: limit}, smallMessage, smallMessage, mayRepeat)
	if err == nil && !answer.follows(after, limit) {
		err = errAstray
	}
	if err != nil {
		return nil, closedSet("vaults", err)
	}
	vaults := make([][16]byte, len(answer.Vaults))
	for i, vault := range answer.Vaults {
		vaults[i] = vault
	}
	return vaults, nil
}

// follows says whether the answer is one to the question: a walk over answers
// that go round in a circle would never end.
func (a *vaultsAnswer) follows(after id, limit int) bool {
	if a.After != after || len(a.Vaults) > limit {
		return false
	}
	for _, vault := range a.Vaults {
		if bytes.Compare(vault[:], after[:]) <= 0 {
			return false
		}
		after = vault
	}
	return true
}

// Forks is [Witness.Forks].
func (c *Client) Forks(ctx context.Context, vault [16]byte) ([]Fork, error) {
	answer, err := ask[forksAnswer](ctx, c, "forks", aboutVault{Vault: vault}, smallMessage, forksMessage, mayRepeat)
	if err == nil && answer.Vault != vault {
		err = errAstray
	}
	if err != nil {
		return nil, closedSet("forks", err)
	}
	forks := make([]Fork, len(answer.Forks))
	for i, f := range answer.Forks {
		forks[i] = Fork{Remembered: f.Remembered.checkpoint(), Reported: f.Reported.checkpoint(), Owner: f.Owner, Seen: time.UnixMilli(f.Seen)}
	}
	return forks, nil
}

// Count is [Witness.Count]. An error of any kind means that the try must not be
// evaluated; it may have been counted. It is never sent twice.
func (c *Client) Count(ctx context.Context, vault [16]byte, counter [32]byte) (Tries, error) {
	answer, err := ask[countAnswer](ctx, c, "count", countRequest{Vault: vault, Counter: counter}, smallMessage, smallMessage, onlyOnce)
	// A witness that says what no counter can be is believed neither that the try
	// may be evaluated nor that somebody has to wait for a year (F11).
	if err == nil && (answer.Vault != vault || answer.Counter != counter || !answer.possible()) {
		err = errAstray
	}
	if err != nil {
		return Tries{}, closedSet("count", err)
	}
	return Tries{Total: answer.Total, Failed: answer.Failed, Wait: answer.waitOf()}, nil
}

func (a *countAnswer) possible() bool {
	counted := a.Wait == 0 && a.Failed > 0
	refused := a.Wait > 0 && a.Wait <= longestWait.Milliseconds() && a.Failed >= freeTries
	return a.Failed <= a.Total && (counted || refused)
}

// Evaluate is [Witness.Evaluate]. As with Count, an error of any kind means that
// there is no output and that the try may have been counted. It is never sent twice.
func (c *Client) Evaluate(ctx context.Context, vault [16]byte, counter, input [32]byte, generation uint64) (Evaluation, error) {
	request := evaluateRequest{Vault: vault, Counter: counter, Input: input, Generation: generation}
	answer, err := ask[evaluateAnswer](ctx, c, "evaluate", request, smallMessage, smallMessage, onlyOnce)
	if err == nil && (!answer.isAbout(vault, counter) || !answer.made(generation)) {
		err = errAstray
	}
	if err != nil {
		return Evaluation{}, closedSet("evaluate", err)
	}
	e := Evaluation{Generation: answer.Generation, Tries: answer.tries()}
	copy(e.Output[:], answer.Output)
	return e, nil
}

// made says whether the answer has an output of the generation that was asked
// for, or is a refusal without one.
func (a *evaluateAnswer) made(asked uint64) bool {
	if a.Wait > 0 || a.Spent {
		return a.Generation == 0 && a.Output == nil
	}
	return a.Failed > 0 && a.Generation != 0 && (asked == 0 || a.Generation == asked) && len(a.Output) == len(hash{})
}

// Tried is [Witness.Tried].
func (c *Client) Tried(ctx context.Context, vault [16]byte, counter [32]byte) (Tries, error) {
	answer, err := ask[triedAnswer](ctx, c, "tried", countRequest{Vault: vault, Counter: counter}, smallMessage, smallMessage, mayRepeat)
	if err == nil && !answer.isAbout(vault, counter) {
		err = errAstray
	}
	if err != nil {
		return Tries{}, closedSet("tried", err)
	}
	return answer.tries(), nil
}

// isAbout says whether the answer is about this counter, and what one can be: a
// witness that says a card is dead before it can be, or that somebody has to wait
// for a year, is not believed.
func (a *triedAnswer) isAbout(vault id, counter hash) bool {
	waits := a.Wait >= 0 && a.Wait <= longestWait.Milliseconds() && (a.Wait == 0 || a.Failed >= freeTries && !a.Spent)
	return a.Vault == vault && a.Counter == counter && a.Failed <= a.Total && waits && (!a.Spent || a.Failed >= mostFailed)
}

func (a *triedAnswer) tries() Tries {
	return Tries{Total: a.Total, Failed: a.Failed, Wait: time.Duration(a.Wait) * time.Millisecond, Spent: a.Spent}
}

// Reset is [Witness.Reset].
func (c *Client) Reset(ctx context.Context, vault [16]byte, counter [32]byte, statement []byte) error {
	if len(statement) > maxStatement {
		return closedSet("reset", fmt.Errorf("%w: a statement of %d bytes", ErrStatement, len(statement)))
	}
	request := resetRequest{Vault: vault, Counter: counter, Statement: statement}
	answer, err := ask[doneAnswer](ctx, c, "reset", request, smallMessage, smallMessage, mayRepeat)
	return answer.read(vault, "reset", err)
}

func (a *doneAnswer) read(vault [16]byte, doing string, err error) error {
	if err == nil && a.Vault != vault {
		err = errAstray
	}
	return closedSet(doing, err)
}
