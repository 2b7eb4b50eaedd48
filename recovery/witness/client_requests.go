package witness

import (
	"context"
	"fmt"
	"time"
)

// longestReady bounds what a witness may say is left of a wait: the operator may choose
// longer ones than the least, and nobody waits for years.
const longestReady = 366 * 24 * time.Hour

// Begin is [Witness.Begin].
func (c *Client) Begin(ctx context.Context, vault [16]byte, approval []byte) (Request, error) {
	return c.approval(ctx, "begin", vault, approval)
}

// Approve is [Witness.Approve].
func (c *Client) Approve(ctx context.Context, vault [16]byte, approval []byte) (Request, error) {
	return c.approval(ctx, "approve", vault, approval)
}

func (c *Client) approval(ctx context.Context, call string, vault [16]byte, approval []byte) (Request, error) {
	if len(approval) > maxStatement {
		return Request{}, closedSet(call, fmt.Errorf("%w: an approval of %d bytes", ErrApproval, len(approval)))
	}
	answer, err := ask[requestAnswer](ctx, c, call, approvalRequest{Vault: vault, Approval: approval}, smallMessage, smallMessage, mayRepeat)
	if err == nil && (answer.Vault != vault || !answer.Request.possible()) {
		err = errAstray
	}
	if err != nil {
		return Request{}, closedSet(call, err)
	}
	return answer.Request.request(), nil
}

// possible says whether an answer is about a request as there can be.
func (r *wireRequest) possible() bool {
	if len(r.Wait) == 0 || r.Relay < 0 || r.Desk < 0 || r.Needed < 0 || r.Until < r.Opened {
		return false
	}
	for _, wait := range r.Wait {
		if wait < 0 || wait > longestReady.Milliseconds() {
			return false
		}
	}
	return true
}

// Cancel is [Witness.Cancel].
func (c *Client) Cancel(ctx context.Context, vault, request [16]byte) error {
	answer, err := ask[doneAnswer](ctx, c, "cancel", cancelRequest{Vault: vault, Request: request}, smallMessage, smallMessage, mayRepeat)
	return answer.read(vault, "cancel", err)
}

// Requests is [Witness.Requests].
func (c *Client) Requests(ctx context.Context, vault [16]byte) ([]Request, error) {
	answer, err := ask[requestsAnswer](ctx, c, "requests", aboutVault{Vault: vault}, smallMessage, ownerMessage, mayRepeat)
	if err == nil && answer.Vault != vault {
		err = errAstray
	}
	if err != nil {
		return nil, closedSet("requests", err)
	}
	out := make([]Request, len(answer.Requests))
	for i, r := range answer.Requests {
		if !r.possible() {
			return nil, closedSet("requests", errAstray)
		}
		out[i] = r.request()
	}
	return out, nil
}

// EvaluateWithin is [Witness.EvaluateWithin]. As with Count, an error of any kind means
// that there is no output and that the try may have been counted. It is never sent twice.
func (c *Client) EvaluateWithin(ctx context.Context, vault, request [16]byte, counter, input [32]byte, generation uint64) (Evaluation, error) {
	asked := evaluateWithinRequest{Vault: vault, Request: request, Counter: counter, Input: input, Generation: generation}
	answer, err := ask[evaluateAnswer](ctx, c, "evaluate-within", asked, smallMessage, smallMessage, onlyOnce)
	if err == nil && (!answer.isWithin(vault, counter) || !answer.made(generation)) {
		err = errAstray
	}
	if err != nil {
		return Evaluation{}, closedSet("evaluate", err)
	}
	e := Evaluation{Generation: answer.Generation, Tries: answer.tries()}
	copy(e.Output[:], answer.Output)
	return e, nil
}

// isWithin is isAbout where the wait may be that of a path.
func (a *triedAnswer) isWithin(vault id, counter hash) bool {
	ofPath := a.Total == 0 && a.Failed == 0 && !a.Spent && a.Wait > 0 && a.Wait <= longestReady.Milliseconds()
	return a.isAbout(vault, counter) || a.Vault == vault && a.Counter == counter && ofPath
}
