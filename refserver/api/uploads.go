package api

import (
	"context"
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"reconnect.example/vault"
)

// Uploads that resume: tus 1.0 (tus.io/protocols/resumable-upload), core with the
// extensions creation, termination and expiration, over the uploads of package vault.
// What is kept of a request that breaks off are whole parts, so that the answer may say
// less than was sent; clients of tus go on from what it says. The last byte makes the
// document, and the answer then names it.
const (
	tusVersion    = "1.0.0"
	tusExtensions = "creation,termination,expiration"
	tusBody       = "application/offset+octet-stream"

	headerTus      = "Tus-Resumable"
	headerOffset   = "Upload-Offset"
	headerLength   = "Upload-Length"
	headerMetadata = "Upload-Metadata"
	headerUntil    = "Upload-Expires"
	headerPart     = "Upload-Part" // of this server: bytes of a part
	headerDocument = "Document-Item"
)

// tusOptions says what of tus there is.
func (a *API) tusOptions(w http.ResponseWriter, _ *http.Request, _ *vault.Vault) error {
	w.Header().Set("Tus-Version", tusVersion)
	w.Header().Set("Tus-Extension", tusExtensions)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// speaksTus refuses another version of the protocol.
func speaksTus(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get(headerTus) != tusVersion {
		w.Header().Set("Tus-Version", tusVersion)
		return errTusVersion
	}
	return nil
}

func (a *API) beginUpload(w http.ResponseWriter, r *http.Request, v *vault.Vault) error {
	if err := speaksTus(w, r); err != nil {
		return err
	}
	doc, err := tusDocument(r)
	if err != nil {
		return err
	}
	u, err := v.BeginUpload(r.Context(), doc)
	if err != nil {
		return err
	}
	w.Header().Set("Location", Path+"/uploads/"+u.ID.String())
	sayUpload(w, u)
	w.WriteHeader(http.StatusCreated)
	return nil
}

// tusDocument reads what an upload says of its document.
func tusDocument(r *http.Request) (vault.NewDocument, error) {
	doc := vault.NewDocument{Channel: channel}
	var err error
	if doc.Size, err = wholeNumber(r.Header, headerLength); err != nil {
		return doc, err
	}
	said, err := metadata(r.Header.Get(headerMetadata))
	if err != nil {
		return doc, err
	}
	doc.Name, doc.Issued, doc.Expires = said["filename"], vault.Date(said["issued"]), vault.Date(said["expires"])
	if claimed := said["filetype"]; claimed != "" {
		mediaType, parameters, err := mime.ParseMediaType(claimed)
		if err != nil {
			return doc, invalid("header."+headerMetadata, "has a filetype that is no media type")
		}
		if doc.MediaType = mime.FormatMediaType(mediaType, parameters); doc.MediaType == "" {
			doc.MediaType = mediaType
		}
	}
	if doc.Compartment, err = compartmentOf(said["compartment"]); err != nil {
		return doc, invalid("header."+headerMetadata, "has a compartment that is neither private nor shared")
	}
	doc.Folder, err = folderID("header."+headerMetadata, said["folder"])
	return doc, err
}

// metadata reads pairs of a key and a value in base64, with commas between. A key that
// is not known here is some program's own.
func metadata(header string) (map[string]string, error) {
	out := map[string]string{}
	if strings.TrimSpace(header) == "" {
		return out, nil
	}
	for pair := range strings.SplitSeq(header, ",") {
		key, encoded, _ := strings.Cut(strings.TrimSpace(pair), " ")
		value, err := base64.StdEncoding.DecodeString(encoded)
		if _, twice := out[key]; err != nil || key == "" || twice || !utf8.Valid(value) {
			return nil, invalid("header."+headerMetadata, `is not a list of "key base64", each key once, of UTF-8`)
		}
		out[key] = string(value)
	}
	return out, nil
}

// wholeNumber reads a header that is a number of bytes.
func wholeNumber(h http.Header, name string) (int64, error) {
	n, err := strconv.ParseUint(h.Get(name), 10, 63)
	if err != nil || len(h.Values(name)) != 1 {
		return 0, invalid("header."+name, "is not a number of bytes")
	}
	return int64(n), nil
}

// sayUpload puts into an answer how far an upload is.
func sayUpload(w http.ResponseWriter, u vault.Upload) {
	h := w.Header()
	h.Set(headerOffset, strconv.FormatInt(u.Offset, 10))
	h.Set(headerLength, strconv.FormatInt(u.Size, 10))
	h.Set(headerPart, strconv.FormatInt(u.Part, 10))
	if !u.Until.IsZero() && u.Offset < u.Size {
		h.Set(headerUntil, u.Until.Format(http.TimeFormat))
	}
}

// finishUpload makes the document of an upload that is whole, and names it. It is
// repeated by every question for such an upload: a server may have died before.
func finishUpload(w http.ResponseWriter, r *http.Request, v *vault.Vault, u vault.Upload) error {
	if u.Offset < u.Size {
		return nil
	}
	item, err := v.FinishUpload(r.Context(), u.ID)
	if err == nil {
		w.Header().Set(headerDocument, item.ID.String())
	}
	return err
}

func (a *API) uploadState(w http.ResponseWriter, r *http.Request, v *vault.Vault) error {
	if err := speaksTus(w, r); err != nil {
		return err
	}
	id, err := itemID(r.PathValue("upload"))
	if err != nil {
		return err
	}
	u, err := v.Upload(r.Context(), id)
	if err != nil {
		return err
	}
	if err := finishUpload(w, r, v, u); err != nil {
		return err
	}
	sayUpload(w, u)
	w.WriteHeader(http.StatusOK)
	return nil
}

func (a *API) appendUpload(w http.ResponseWriter, r *http.Request, v *vault.Vault) error {
	if err := speaksTus(w, r); err != nil {
		return err
	}
	if r.Header.Get("Content-Type") != tusBody || r.Header.Get("Content-Encoding") != "" {
		return errMediaType
	}
	id, err := itemID(r.PathValue("upload"))
	if err != nil {
		return err
	}
	offset, err := wholeNumber(r.Header, headerOffset)
	if err != nil {
		return err
	}
	// What has come whole is kept, though whoever sent it may have gone: that ends the
	// body, and the request with it.
	r = r.WithContext(context.WithoutCancel(r.Context()))
	u, err := v.AppendUpload(r.Context(), id, offset, &uploadBody{Reader: r.Body, read: true})
	var at *vault.OffsetError
	if errors.As(err, &at) {
		w.Header().Set(headerOffset, strconv.FormatInt(at.Offset, 10))
	}
	if err == nil {
		err = finishUpload(w, r, v, u)
	}
	if err != nil {
		return err
	}
	sayUpload(w, u)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) endUpload(w http.ResponseWriter, r *http.Request, v *vault.Vault) error {
	if err := speaksTus(w, r); err != nil {
		return err
	}
	id, err := itemID(r.PathValue("upload"))
	if err != nil {
		return err
	}
	if err := v.EndUpload(r.Context(), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
