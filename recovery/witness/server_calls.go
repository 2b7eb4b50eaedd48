package witness

import (
	"context"
	"fmt"
	"time"

	"reconnect.example/storage"
)

// Sizes of requests and answers, in bytes. Base64 takes a third more than the
// bytes it stands for.
const (
	smallMessage = 64 << 10                                                          // ids, checkpoints, a statement
	ownerMessage = maxOwnerHead/3*4 + smallMessage                                   // and an owner head
	sideMessage  = ownerMessage + MaxSideBytes/3*4 + MaxSideRecords*2*storage.MaxKey // and an owner side
	forksMessage = maxForks * ownerMessage                                           // of which each may have evidence
)

// maxStatement is the longest statement that a request holds; real ones have less
// than a kilobyte.
const maxStatement = smallMessage / 2

// call is one call as the server sees it.
type call struct {
	request int64 // the largest request, in bytes
	large   bool  // request or answer may take megabytes
	do      func(ctx context.Context, w *Witness, body []byte) (answer any, err error)
}

// doing makes a call of what takes a request and gives an answer.
func doing[Request, Answer any](limit int64, do func(ctx context.Context, w *Witness, q *Request) (Answer, error)) call {
	return call{request: limit, do: func(ctx context.Context, w *Witness, body []byte) (any, error) {
		q := new(Request)
		if err := decodeWire(body, q); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		return do(ctx, w, q)
	}}
}

func (c call) largely() call {
	c.large = true
	return c
}

// serverCalls are all calls by their names.
func serverCalls() map[string]call {
	return map[string]call{
		"latest":     doing(smallMessage, serveLatest),
		"raise":      doing(ownerMessage, serveRaise),
		"keep":       doing(sideMessage, serveKeep).largely(),
		"owner-side": doing(smallMessage, serveOwnerSide).largely(),
		"inbox":      doing(smallMessage, serveInbox),
		"restore":    doing(smallMessage, serveRestore),
		"restored":   doing(smallMessage, serveRestored),
		"vaults":     doing(smallMessage, serveVaults),
		"forks":      doing(smallMessage, serveForks).largely(),
		"count":      doing(smallMessage, serveCount),
		"evaluate":   doing(smallMessage, serveEvaluate),
		"tried":      doing(smallMessage, serveTried),
		"reset":      doing(smallMessage, serveReset),

		"begin":           doing(smallMessage, serveBegin),
		"approve":         doing(smallMessage, serveApprove),
		"cancel":          doing(smallMessage, serveCancel),
		"requests":        doing(smallMessage, serveRequests),
		"evaluate-within": doing(smallMessage, serveEvaluateWithin),
	}
}

func serveLatest(ctx context.Context, w *Witness, q *aboutVault) (headsAnswer, error) {
	heads, err := w.Latest(ctx, q.Vault)
	return headsAnswer{Vault: q.Vault, Heads: toWire(heads)}, err
}

func serveRaise(ctx context.Context, w *Witness, q *raiseRequest) (headsAnswer, error) {
	heads, err := w.Raise(ctx, q.Vault, fromWire(q.Heads), q.Owner, q.Durable)
	return headsAnswer{Vault: q.Vault, Heads: toWire(heads)}, err
}

func serveKeep(ctx context.Context, w *Witness, q *keepRequest) (doneAnswer, error) {
	return doneAnswer{Vault: q.Vault}, w.Keep(ctx, q.Vault, q.Owner, sideFromWire(q.Side))
}

func serveOwnerSide(ctx context.Context, w *Witness, q *aboutVault) (ownerSideAnswer, error) {
	owner, side, err := w.OwnerSide(ctx, q.Vault)
	return ownerSideAnswer{Vault: q.Vault, Owner: owner, Side: sideToWire(side)}, err
}

func serveInbox(ctx context.Context, w *Witness, _ *inboxRequest) (inboxAnswer, error) {
	inbox, err := w.Inbox(ctx)
	return inboxAnswer{Inbox: inbox}, err
}

func serveRestore(ctx context.Context, w *Witness, q *restoreRequest) (completeAnswer, error) {
	complete, err := w.Restore(ctx, q.Vault, q.Statement)
	return completeAnswer{Vault: q.Vault, Complete: complete}, err
}

func serveRestored(ctx context.Context, w *Witness, q *aboutVault) (completeAnswer, error) {
	complete, err := w.Restored(ctx, q.Vault)
	return completeAnswer{Vault: q.Vault, Complete: complete}, err
}

func serveVaults(ctx context.Context, w *Witness, q *vaultsRequest) (vaultsAnswer, error) {
	vaults, err := w.Vaults(ctx, q.After, q.Limit)
	answer := vaultsAnswer{After: q.After, Vaults: make([]id, len(vaults))}
	for i, vault := range vaults {
		answer.Vaults[i] = vault
	}
	return answer, err
}

func serveForks(ctx context.Context, w *Witness, q *aboutVault) (forksAnswer, error) {
	forks, err := w.Forks(ctx, q.Vault)
	answer := forksAnswer{Vault: q.Vault, Forks: make([]wireFork, len(forks))}
	for i, f := range forks {
		both := toWire([]Checkpoint{f.Remembered, f.Reported})
		answer.Forks[i] = wireFork{Remembered: both[0], Reported: both[1], Owner: f.Owner, Seen: f.Seen.UnixMilli()}
	}
	return answer, err
}

func serveCount(ctx context.Context, w *Witness, q *countRequest) (countAnswer, error) {
	tries, err := w.Count(ctx, q.Vault, q.Counter)
	return countAnswer{
		Vault: q.Vault, Counter: q.Counter, Total: tries.Total, Failed: tries.Failed, Wait: milliseconds(tries.Wait),
	}, err
}

func serveEvaluate(ctx context.Context, w *Witness, q *evaluateRequest) (evaluateAnswer, error) {
	e, err := w.Evaluate(ctx, q.Vault, q.Counter, q.Input, q.Generation)
	return toWireEvaluation(q.Vault, q.Counter, e), err
}

func toWireEvaluation(vault id, counter hash, e Evaluation) evaluateAnswer {
	answer := evaluateAnswer{triedAnswer: toWireTries(vault, counter, e.Tries), Generation: e.Generation}
	if e.Generation != 0 {
		answer.Output = e.Output[:]
	}
	return answer
}

func serveTried(ctx context.Context, w *Witness, q *countRequest) (triedAnswer, error) {
	tries, err := w.Tried(ctx, q.Vault, q.Counter)
	return toWireTries(q.Vault, q.Counter, tries), err
}

func toWireTries(vault id, counter hash, t Tries) triedAnswer {
	return triedAnswer{Vault: vault, Counter: counter, Total: t.Total, Failed: t.Failed, Wait: milliseconds(t.Wait), Spent: t.Spent}
}

func serveReset(ctx context.Context, w *Witness, q *resetRequest) (doneAnswer, error) {
	return doneAnswer{Vault: q.Vault}, w.Reset(ctx, q.Vault, q.Counter, q.Statement)
}

// waitOf is the wait that an answer says.
func (a *countAnswer) waitOf() time.Duration { return time.Duration(a.Wait) * time.Millisecond }
