package harness

import (
	"context"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Type types text into the focused element, key by key. A newline is Enter.
//
// A key press carries its character in the keyDown event, as a real keyboard's does: chromedp's own
// KeyEvent sends a keyDown without text and a separate char event, and xterm.js then types it twice.
func (t *Tab) Type(text string) {
	t.tb.Helper()
	t.Do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		for _, r := range text {
			keys := kb.Encode(r)
			down, up := *keys[0], keys[len(keys)-1]
			if len(keys) == 3 {
				down.Text, down.UnmodifiedText = keys[1].Text, keys[1].UnmodifiedText
			}
			for _, event := range []input.DispatchKeyEventParams{down, *up} {
				if _, err := cdp.Call(ctx, target, input.DispatchKeyEvent, event); err != nil {
					return chromedp.Void{}, err
				}
			}
		}
		return chromedp.Void{}, nil
	})
}

// Press presses one key with modifiers, for example "c" with chromedp.ModifierCtrl.
func (t *Tab) Press(key string, modifiers ...chromedp.Modifier) {
	t.tb.Helper()
	t.Do(chromedp.KeyEvent(key, chromedp.KeyModifiers(modifiers...)))
}

// Paste inserts text in one event, as an input method or the clipboard does.
func (t *Tab) Paste(text string) {
	t.tb.Helper()
	t.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
}
