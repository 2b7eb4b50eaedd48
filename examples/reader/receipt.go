package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
)

// The receipt of a consent: what is signed, and its JSON (receipt.schema.json).
var (
	party          = fields(map[uint64]any{1: text, 2: text, 3: optional{text}, 4: optional{text}, 5: optional{text}, 6: text})
	consentReceipt = fields(map[uint64]any{1: text, 2: text, 3: id(),
		4: fields(map[uint64]any{1: fields(map[uint64]any{1: text, 2: text, 3: text}), 2: list(text), 3: text, 4: list(text), 5: text, 6: list(text), 7: text, 8: list(text), 9: list(text)}),
		5: party, 6: party, 7: fields(map[uint64]any{1: text, 2: text, 3: text, 4: text, 5: optional{text}, 6: text, 7: text})})

	partyNames   = receiptNames{1: "party_id", 2: "party_name", 3: "party_contact", 4: "party_address", 5: "party_country", 6: "party_role"}
	noticeNames  = receiptNames{1: "version", 2: "language", 3: "sha256"}
	processNames = receiptNames{1: "privacy_notice", 2: "purposes", 3: "lawful_basis", 4: "pii_information", 5: "processing_method", 6: "storage_locations",
		7: "retention_period", 8: "withdrawal_method", 9: "privacy_rights"}
	eventNames = receiptNames{1: "event_time", 2: "event_type", 3: "event_state", 4: "validity_duration", 5: "refers_to", 6: "collection_method", 7: "entity_id"}
	nameOfAll  = receiptNames{1: "schema_version", 2: "record_id", 3: "pii_principal_id", 4: "pii_processing", 5: "pii_controller", 6: "recipient", 7: "event"}
)

const typeReceipt = 20

// receiptNames are the names of fields in JSON.
type receiptNames map[uint64]string

// written is an object of CBOR as its JSON has it.
func (n receiptNames) written(o object) map[string]any {
	out := map[string]any{}
	for key, value := range o {
		if b, ok := value.([]byte); ok {
			value = idText(b)
		}
		out[n[key]] = value
	}
	return out
}

func tryReceipt(v *vector) ([]string, error) {
	said, err := readJSON(v.bytes("receipt"))
	if err != nil {
		return nil, errInvalid
	}
	signatures, _ := said["signatures"].(map[string]any)
	delete(said, "signatures")
	var parts [4][]byte
	for i, name := range []string{"vault_key", "vault", "service_key", "service"} {
		word, _ := signatures[name].(string)
		if parts[i], err = base64.StdEncoding.DecodeString(word); err != nil {
			return nil, errInvalid
		}
	}
	if len(signatures) != 4 || !onlyKnown(said) {
		return nil, errInvalid
	}
	if !bytes.Equal(parts[2], v.bytes("service")) {
		return nil, refusal("untrusted-key")
	}
	if openReceipt(said, parts) != nil {
		return nil, altered("receipt")
	}
	return nil, nil
}

func readJSON(b []byte) (said map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&said); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errInvalid
	}
	return said, nil
}

func onlyKnown(said map[string]any) bool {
	for name := range said {
		known := false
		for _, n := range nameOfAll {
			known = known || n == name
		}
		if !known {
			return false
		}
	}
	return true
}

// openReceipt holds the JSON against what the vault signed, and that against the
// service's signature.
func openReceipt(said map[string]any, parts [4][]byte) error {
	vault, _ := said["pii_principal_id"].(string)
	record, _ := said["record_id"].(string)
	id := unbase(vault)
	if len(id) != 16 {
		return errFormat
	}
	p := place{typ: typeReceipt, vault: [16]byte(id), object: []byte(record)}
	signed, err := openSigned(parts[0], p, parts[1])
	if err != nil {
		return err
	}
	r, err := parse(consentReceipt, signed)
	if err != nil {
		return err
	}
	processing := processNames.written(r.object(4))
	processing["privacy_notice"] = noticeNames.written(r.object(4).object(1))
	want := nameOfAll.written(r)
	want["pii_processing"], want["pii_controller"], want["recipient"] = processing, partyNames.written(r.object(5)), partyNames.written(r.object(6))
	want["event"] = eventNames.written(r.object(7))
	if !reflect.DeepEqual(want, said) || r.text(1) != "reconnect-receipt-1" {
		return fmt.Errorf("another receipt than was signed")
	}
	p.holder = parts[0]
	return verifyDetached(parts[2], p, parts[1], parts[3])
}
