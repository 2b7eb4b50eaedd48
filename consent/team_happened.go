package consent

import (
	"context"
	"errors"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// WhatHappened is [Post.Journal] with names of the team: About is the worker whom a
// line is about. Errors: those of [Post.Journal].
func (p *Post) WhatHappened(ctx context.Context, opts *vault.JournalOptions) ([]Happening, error) {
	o, err := p.manage(ctx)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	entries, err := p.journal(ctx, o, opts)
	if err != nil {
		return nil, err
	}
	names, err := workersOf(ctx, o.Vault)
	if err != nil {
		return nil, err
	}
	out := make([]Happening, 0, len(entries))
	for _, e := range entries {
		about := names[e.Detail["grant"]]
		if about == "" {
			about = names[e.Detail["holder"]]
		}
		// Names of ours, not of anybody. A person of this name is told of as one: theirs is no data.
		signing := e.Name == attestName && (e.Detail["kind"] == vault.KindData.String() || e.Act == vault.ActDestroyed)
		if signing || e.Name == leftName || e.Name == suspendedName || e.Name == openedName {
			e.Name = ""
		}
		out = append(out, Happening{Entry: e, About: about, Signing: signing})
	}
	return out, nil
}

// workersOf names whoever worked for a relay, by the ids of their memberships and by
// their own, as far as it is kept.
func workersOf(ctx context.Context, v *vault.Vault) (map[string]string, error) {
	all, err := v.Grants(ctx)
	if err != nil && !errors.Is(err, vault.ErrTampered) { // one that was altered hides no other
		return nil, err
	}
	names := map[string]string{}
	for _, g := range all {
		var f memberFacts
		if g.Scope == vault.ScopeTeam && seal.Unmarshal(g.Facts, &f) == nil {
			names[g.ID.String()], names[g.Holder.String()] = f.Name, f.Name
		}
	}
	return names, nil
}
