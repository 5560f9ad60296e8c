import { useEffect } from 'react';

/** Leads to the first field that is wrong, when what was sent is answered by an error. */
export function useFocusOnError(error: Error | null): void {
  useEffect(() => {
    if (error) document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [error]);
}
