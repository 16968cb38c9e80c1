// A dialog that is in the document only while it is open.

/** Opens `dialog`. When it closes, `onClose` is called, and the focus returns to where it was. */
export function openDialog(dialog, onClose) {
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    onClose?.();
    dialog.remove();
    before?.focus?.();
  });
  document.body.append(dialog);
  dialog.showModal();
}
