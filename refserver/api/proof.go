package api

import (
	"context"
	"encoding/hex"
	"time"

	"reconnect.example/vault"
)

// Control is the result of a control of integrity.
type Control struct {
	Item   string    `json:"item" doc:"Id of the document."`
	At     time.Time `json:"at" doc:"When it was checked."`
	Intact bool      `json:"intact" doc:"Whether it is what was deposited."`
	Wanted string    `json:"wanted" doc:"SHA-256 that it should have, in hexadecimal digits."`
	Found  string    `json:"found,omitempty" doc:"SHA-256 that it has; missing when it does not open."`
}

type controlOutput struct{ Body Control }

func controlDocument(ctx context.Context, v *vault.Vault, in *OneItem) (*controlOutput, error) {
	id, err := itemID(in.ID)
	if err != nil {
		return nil, err
	}
	r, err := v.Control(ctx, id)
	if err != nil {
		return nil, err
	}
	return &controlOutput{Body: Control{
		Item: r.Item.ID.String(), At: r.At, Intact: r.Intact,
		Wanted: hex.EncodeToString(r.Item.Document.Digest), Found: hex.EncodeToString(r.Found),
	}}, nil
}

// Metadata is what is technically known of a stored document.
type Metadata struct {
	Item       Item           `json:"item" doc:"What is known of it otherwise, with its origin."`
	Revision   uint64         `json:"revision" doc:"Of the item."`
	Generation uint64         `json:"generation" doc:"Of the keys that seal it."`
	Algorithms []string       `json:"algorithms" nullable:"false" doc:"That seal, hash and sign it."`
	Parts      []MetadataPart `json:"parts" nullable:"false" doc:"As the store has them."`
}

// MetadataPart is one blob as the store has it.
type MetadataPart struct {
	Role   string `json:"role" doc:"What it holds."`
	Blob   string `json:"blob" doc:"Its name in the store."`
	Length int64  `json:"length" doc:"Bytes, padded and sealed."`
	Sha256 string `json:"sha256" doc:"Of those bytes: whoever keeps them can check them without any key."`
}

type metadataOutput struct{ Body Metadata }

func documentMetadata(ctx context.Context, v *vault.Vault, in *OneItem) (*metadataOutput, error) {
	id, err := itemID(in.ID)
	if err != nil {
		return nil, err
	}
	m, err := v.Metadata(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &metadataOutput{Body: Metadata{
		Item: itemJSON(m.Item), Revision: m.Revision, Generation: m.Generation,
		Algorithms: m.Algorithms, Parts: make([]MetadataPart, 0, len(m.Parts)),
	}}
	for _, p := range m.Parts {
		out.Body.Parts = append(out.Body.Parts, MetadataPart{Role: p.Role, Blob: p.Blob, Length: p.Length, Sha256: hex.EncodeToString(p.Digest)})
	}
	return out, nil
}
