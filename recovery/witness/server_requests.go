package witness

import (
	"context"
	"time"
)

func serveBegin(ctx context.Context, w *Witness, q *approvalRequest) (requestAnswer, error) {
	r, err := w.Begin(ctx, q.Vault, q.Approval)
	return requestAnswer{Vault: q.Vault, Request: toWireRequest(r)}, err
}

func serveApprove(ctx context.Context, w *Witness, q *approvalRequest) (requestAnswer, error) {
	r, err := w.Approve(ctx, q.Vault, q.Approval)
	return requestAnswer{Vault: q.Vault, Request: toWireRequest(r)}, err
}

func serveCancel(ctx context.Context, w *Witness, q *cancelRequest) (doneAnswer, error) {
	return doneAnswer{Vault: q.Vault}, w.Cancel(ctx, q.Vault, q.Request)
}

func serveRequests(ctx context.Context, w *Witness, q *aboutVault) (requestsAnswer, error) {
	all, err := w.Requests(ctx, q.Vault)
	answer := requestsAnswer{Vault: q.Vault, Requests: make([]wireRequest, len(all))}
	for i, r := range all {
		answer.Requests[i] = toWireRequest(r)
	}
	return answer, err
}

func serveEvaluateWithin(ctx context.Context, w *Witness, q *evaluateWithinRequest) (evaluateAnswer, error) {
	e, err := w.EvaluateWithin(ctx, q.Vault, q.Request, q.Counter, q.Input, q.Generation)
	return toWireEvaluation(q.Vault, q.Counter, e), err
}

func toWireRequest(r Request) wireRequest {
	out := wireRequest{
		Request: r.ID, Path: r.Path, Policy: r.Policy, Opened: r.Opened.UnixMilli(), Until: r.Until.UnixMilli(),
		Wait: make([]int64, len(r.Ready)), Relay: r.Relay, Desk: r.Desk, Needed: r.Needed, Cancelled: r.Cancelled, Served: r.Served,
	}
	for i, wait := range r.Ready {
		out.Wait[i] = milliseconds(wait)
	}
	return out
}

func (r *wireRequest) request() Request {
	out := Request{
		ID: r.Request, Path: r.Path, Policy: r.Policy, Opened: time.UnixMilli(r.Opened).UTC(), Until: time.UnixMilli(r.Until).UTC(),
		Relay: r.Relay, Desk: r.Desk, Needed: r.Needed, Cancelled: r.Cancelled, Served: r.Served,
	}
	for _, wait := range r.Wait {
		out.Ready = append(out.Ready, time.Duration(wait)*time.Millisecond)
	}
	return out
}
