/** The columns of the block collections that are open, innermost last. */
export class BlockIndents {
  private readonly outer: number[] = [];
  private column = -1;

  /** Column of the innermost collection; -1 outside of all. */
  get current(): number {
    return this.column;
  }

  /** Opens a collection at a column further in; false where one is open there already. */
  open(column: number): boolean {
    if (this.column >= column) return false;
    this.outer.push(this.column);
    this.column = column;
    return true;
  }

  /** Closes the innermost collection where it lies further in than a column. */
  closeBeyond(column: number): boolean {
    if (this.column <= column) return false;
    this.column = this.outer.pop() ?? -1;
    return true;
  }
}
