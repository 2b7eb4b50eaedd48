package web

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"

	"reconnect.example/internal/safename"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// previewPolicy lets what a browser shows run nothing and load nothing: a
// hostile document is a picture or a page of ink, or it is not shown.
const previewPolicy = "default-src 'none'; sandbox; frame-ancestors 'none'"

// showable reports whether a media type is a picture, and whether a browser may
// be given it to show at all. The bytes are looked at again before they are.
func showable(mediaType string) (picture, readable bool) {
	picture = slices.Contains([]string{"image/jpeg", "image/png", "image/webp", "image/gif"}, mediaType)
	return picture, picture || mediaType == "application/pdf"
}

// showPaper is a page around a picture, so that leaving quickly stays at hand.
func (p *pages) showPaper(v *visit) error {
	i, err := v.item(vault.KindDocument)
	if err != nil {
		return err
	}
	return v.show("show", i)
}

// download gives the bytes to be saved, never to be shown.
func (p *pages) download(v *visit) error {
	return v.send(func(mediaType string, mayShow bool) (string, bool) {
		if !mayShow {
			mediaType = "application/octet-stream"
		}
		return mediaType, true
	})
}

// preview gives pictures and PDF to the browser, in a sandbox, and nothing else:
// what the first bytes say decides, not the name or the claimed type (A8).
func (p *pages) preview(v *visit) error {
	v.w.Header().Set("Content-Security-Policy", previewPolicy)
	return v.send(func(mediaType string, mayShow bool) (string, bool) { return mediaType, !mayShow })
}

// send streams a document. choose turns what the bytes are into the
// Content-Type and says whether the browser must save it.
func (v *visit) send(choose func(mediaType string, mayShow bool) (contentType string, save bool)) error {
	id, err := v.itemID()
	if err != nil {
		return err
	}
	content, err := v.vault.ReadDocument(v.ctx(), id)
	if err != nil {
		return err
	}
	defer content.Close()
	buffered := bufio.NewReaderSize(content, 64<<10)
	first, err := buffered.Peek(headOfFile)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	mediaType, mayShow := safename.Sniff(first, content.Item.Document.MediaType)
	contentType, save := choose(mediaType, mayShow)
	name := safename.File(content.Item.Name, mediaType)
	disposition := safename.Inline(name)
	if save {
		disposition = safename.Attachment(name)
		contentType = saveAs(contentType)
	}
	v.w.Header().Set("Content-Type", contentType)
	v.w.Header().Set("Content-Disposition", disposition)
	v.w.Header().Set("Content-Length", strconv.FormatInt(content.Item.Document.Size, 10))
	v.stream(buffered)
	return nil
}

// saveAs keeps the type of what is only saved from being one that runs.
func saveAs(contentType string) string {
	if _, readable := showable(contentType); readable {
		return contentType
	}
	return "application/octet-stream"
}

// stream copies a document to the browser. If it turns out to have been altered,
// the connection is broken off, so that no half file passes for a whole one (A12).
func (v *visit) stream(from io.Reader) {
	_, err := io.Copy(v.w, from)
	if err == nil {
		return
	}
	v.log(problem.Of(err), err)
	panic(http.ErrAbortHandler) // net/http: closes the connection, logs nothing
}
