package api

import (
	"context"
	"net/http"
	"time"

	"reconnect.example/vault"
)

// Rules say where lies what the person adds without saying where.
type Rules struct {
	Kinds   map[string]string `json:"kinds" nullable:"false" doc:"For document, contact, appointment and note: private or shared. What is not named is private."`
	Folders map[string]string `json:"folders" nullable:"false" doc:"For folders by their names: private or shared. A folder goes before a kind."`
}

var ruledKinds = []vault.Kind{vault.KindDocument, vault.KindContact, vault.KindAppointment, vault.KindNote}

func rulesJSON(r vault.Rules) Rules {
	out := Rules{Kinds: map[string]string{}, Folders: map[string]string{}}
	for kind, c := range r.Kinds {
		out.Kinds[kind.String()] = c.String()
	}
	for name, c := range r.Folders {
		out.Folders[name] = c.String()
	}
	return out
}

func (r *Rules) vault() (vault.Rules, error) {
	out := vault.Rules{Kinds: map[vault.Kind]vault.Compartment{}, Folders: map[string]vault.Compartment{}}
	for word, side := range r.Kinds {
		kind, err := kindOfWord(word)
		if err != nil {
			return out, err
		}
		if out.Kinds[kind], err = eitherSide(side, "body.kinds"); err != nil {
			return out, err
		}
	}
	for name, side := range r.Folders {
		var err error
		if out.Folders[name], err = eitherSide(side, "body.folders"); err != nil {
			return out, err
		}
	}
	return out, nil
}

type rulesOutput struct {
	Status int
	ETag   string `header:"ETag" doc:"Of these rules, for If-Match."`
	Body   Rules
}

func readRules(ctx context.Context, v *vault.Vault, in *Unless) (*rulesOutput, error) {
	r, err := v.Rules(ctx)
	if err != nil {
		return nil, err
	}
	out := &rulesOutput{Body: rulesJSON(r)}
	out.ETag, err = contentTag(out.Body)
	out.Status = in.status(out.ETag)
	return out, err
}

type rulesInput struct {
	ThisContent
	Body Rules
}

func setRules(ctx context.Context, v *vault.Vault, in *rulesInput) (*struct{}, error) {
	r, err := in.Body.vault()
	if err != nil {
		return nil, err
	}
	if in.any() {
		return nil, v.SetRules(ctx, r)
	}
	seen, err := v.Rules(ctx)
	if err != nil {
		return nil, err
	}
	if err := in.saw(rulesJSON(seen)); err != nil {
		return nil, err
	}
	return nil, v.ReplaceRules(ctx, seen, r)
}

func kindOfWord(word string) (vault.Kind, error) {
	for _, kind := range ruledKinds {
		if kind.String() == word {
			return kind, nil
		}
	}
	return 0, invalid("body.kinds", "names none of document, contact, appointment and note")
}

// eitherSide reads one of the two sides; unlike with a new item, nothing is not one.
func eitherSide(word, field string) (vault.Compartment, error) {
	c, err := compartmentOf(word)
	if err != nil || c == vault.Default {
		return c, invalid(field, "is neither private nor shared")
	}
	return c, nil
}

// Seen is somebody else who opened an item: of a relay, with a link, or a partner system.
type Seen struct {
	By    Actor     `json:"by" doc:"Who: of a relay, with a link to it, or a partner system."`
	First time.Time `json:"first" doc:"When first."`
	Last  time.Time `json:"last" doc:"When last."`
	Times int       `json:"times" minimum:"1" doc:"How often. Lists in which it stood do not count."`
}

type seenOutput struct {
	Body struct {
		Seen []Seen `json:"seen" nullable:"false" doc:"Whoever opened it last first. What was seen may have been kept."`
	}
}

func seenBy(ctx context.Context, v *vault.Vault, in *OneItem) (*seenOutput, error) {
	id, err := itemID(in.ID)
	if err != nil {
		return nil, err
	}
	all, err := v.SeenBy(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &seenOutput{}
	out.Body.Seen = make([]Seen, 0, len(all))
	for _, s := range all {
		out.Body.Seen = append(out.Body.Seen, Seen{By: actorJSON(s.By), First: s.First, Last: s.Last, Times: s.Times})
	}
	return out, nil
}

func (a *API) addRules() {
	registerPerson(a, operation{
		method: http.MethodGet, path: "/rules", id: "read-rules", tagged: true, tag: "Sharing", summary: "Read the rules of privacy",
		description: "Where lies what the person adds without saying where. Without a rule it is private.",
	}, readRules)
	registerPerson(a, operation{
		method: http.MethodPut, path: "/rules", id: "set-rules", tag: "Sharing", status: http.StatusNoContent, summary: "Set the rules of privacy", ifMatch: true,
		description: "All of them anew. What is there already stays where it is.",
		problems:    []string{"media-type", "too-large", "too-many"},
	}, setRules)
	registerPerson(a, operation{
		method: http.MethodGet, path: "/items/{item}/seen", id: "seen-by", tag: "Sharing", summary: "Who has opened an item",
		description: "Also when they cannot see it any more, and when the item is gone.",
		problems:    []string{"not-found"},
	}, seenBy)
}
