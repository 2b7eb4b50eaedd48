package vault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"reconnect.example/internal/seal"
)

// Rules say where something lies that the person adds without saying where. What
// no rule names is private (rule 1 of the design). They do not reach back: what is
// there stays where it is, see [Vault.Move] and [Vault.MoveFolder].
//
// A folder that is given with a new item decides by itself, before any rule: the
// item lies where its folder lies. For somebody who is not the person no rule
// counts: what they add is shared (G24).
type Rules struct {
	// Kinds are rules for documents, contacts, appointments and notes.
	Kinds map[Kind]Compartment
	// Folders are rules for folders by their names, which exist on both sides: where
	// a new folder of that name lies, and which of the two a page should offer first.
	Folders map[string]Compartment
}

// MaxFolderRules is how many folders rules may name.
const MaxFolderRules = 64

// ActRulesChanged is the act of [Vault.SetRules].
const ActRulesChanged Act = "rules.changed"

// For returns where a new item of a kind lies by these rules, in a folder of that
// name ("": in none, or no folder was chosen). The rule of a folder goes before
// that of a kind.
func (r Rules) For(kind Kind, folder string) Compartment {
	if c, ok := r.Folders[cleanName(folder)]; ok && folder != "" {
		return c
	}
	if c, ok := r.Kinds[kind]; ok {
		return c
	}
	return Private
}

// Rules are one Owner paper of the kind paperRules under a fixed id. The maps are
// lists, the earlier kind or name first:
//
//	CBOR{1: [{1: kind, 2: compartment}], 2: [{1: name, 2: compartment}]}
type rulesBody struct {
	Kinds   []kindRule   `cbor:"1,keyasint"`
	Folders []folderRule `cbor:"2,keyasint"`
}

type kindRule struct {
	Kind        Kind        `cbor:"1,keyasint"`
	Compartment Compartment `cbor:"2,keyasint"`
}

type folderRule struct {
	Name        string      `cbor:"1,keyasint"`
	Compartment Compartment `cbor:"2,keyasint"`
}

var rulesPaper = [16]byte{15: paperRules}

// Rules returns the person's rules. It is a line in the journal. ErrTampered if
// the store altered them: until they are set again, what is added is private.
func (v *Vault) Rules(ctx context.Context) (r Rules, err error) {
	err = v.do(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		t.note(ActAccountRead, nil, nil)
		r, err = t.rules()
		return err
	})
	return r, err
}

// SetRules replaces the person's rules by these; the zero Rules takes all back.
// InvalidError names every problem.
func (v *Vault) SetRules(ctx context.Context, r Rules) error { return v.setRules(ctx, nil, r) }

// ReplaceRules is SetRules for who has read what the rules are: ErrRevision if they are
// not the ones that were seen any more, and nothing is lost.
func (v *Vault) ReplaceRules(ctx context.Context, seen, r Rules) error {
	return v.setRules(ctx, &seen, r)
}

func (v *Vault) setRules(ctx context.Context, seen *Rules, r Rules) error {
	body, err := r.body()
	if err != nil {
		return err
	}
	return v.do(ctx, func(t *turn) error {
		if err := errors.Join(t.asPerson(), t.changing()); err != nil {
			return err
		}
		if seen != nil {
			now, err := t.rules()
			if err != nil {
				return err
			}
			if !maps.Equal(now.Kinds, seen.Kinds) || !maps.Equal(now.Folders, seen.Folders) {
				return ErrRevision
			}
		}
		t.note(ActRulesChanged, nil, nil)
		return t.putFixedPaper(rulesPaper, paperRules, body)
	})
}

// body checks rules and puts them into order.
func (r Rules) body() (b rulesBody, err error) {
	var problems []error
	side := func(field string, c Compartment) {
		if c != Shared && c != Private {
			problems = append(problems, &InvalidError{Field: field, Problem: "is not private or shared"})
		}
	}
	for _, k := range slices.Sorted(maps.Keys(r.Kinds)) {
		if k.String() == "" || k == KindFolder {
			problems = append(problems, &InvalidError{Field: "kinds", Problem: "holds what is no document, contact, appointment or note"})
		}
		side("kinds", r.Kinds[k])
		b.Kinds = append(b.Kinds, kindRule{k, r.Kinds[k]})
	}
	if len(r.Folders) > MaxFolderRules {
		return b, &InvalidError{Field: "folders", Problem: fmt.Sprintf("holds more than %d names", MaxFolderRules)}
	}
	names := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.Folders)) {
		clean := cleanName(name)
		if names[clean] {
			problems = append(problems, &InvalidError{Field: "folders", Problem: "holds a name twice"})
		}
		names[clean] = true
		problems = append(problems, checkName("folders", name))
		side("folders", r.Folders[name])
		b.Folders = append(b.Folders, folderRule{clean, r.Folders[name]})
	}
	return b, errors.Join(problems...)
}

// rules reads the person's rules; none are the zero Rules.
func (t *turn) rules() (r Rules, err error) {
	p, found, err := t.fixedPaper(rulesPaper, paperRules)
	if err != nil || !found {
		return r, err
	}
	var b rulesBody
	if seal.Unmarshal(p.Body, &b) != nil {
		return r, tampered("owner paper")
	}
	r = Rules{Kinds: map[Kind]Compartment{}, Folders: map[string]Compartment{}}
	for _, k := range b.Kinds {
		r.Kinds[k.Kind] = k.Compartment
	}
	for _, f := range b.Folders {
		r.Folders[f.Name] = f.Compartment
	}
	return r, nil
}

// byDefault is where a new item lies about which nothing was said.
func (t *turn) byDefault(it *Item) (Compartment, error) {
	if !it.Folder.IsZero() {
		f, err := t.find(it.Folder)
		if err == nil {
			return f.item.Compartment, nil
		}
		if !errors.Is(err, ErrNotFound) {
			return Default, err
		}
	}
	if _, owner := t.heads.indexes[Owner]; !owner {
		return Shared, nil // G24: somebody else; Private is not within their reach
	}
	rules, err := t.rules()
	if errors.Is(err, ErrTampered) {
		return Private, nil // what the store does to the rules shares nothing, and stops nothing
	}
	name := ""
	if it.Kind == KindFolder {
		name = it.Name
	}
	return rules.For(it.Kind, name), err
}
