package io.github.lora4j.lora;

/**
 * What is accepted of PEFT's files beyond what is understood. Whatever is known to change what the
 * model computes is refused at each strictness. Our own files hold the hashes of each other and are
 * always compared in full: there the strictness changes nothing.
 */
public enum Strictness {

  /**
   * Tensors that PEFT itself has no place for are left out, with a warning that names them:
   * branches where the configuration selects none, tensors of modules that the model does not have,
   * and names that PEFT does not give to an adapter called {@code default}. A bias or a weight of
   * what the model has, and a magnitude beside a branch that is loaded, are refused all the same.
   */
  LENIENT,

  /**
   * Unexpected tensors are refused. Keys of the configuration that are not known here, as those of
   * a newer PEFT, are ignored, with a warning for each that has another value than null, false or
   * empty.
   */
  NORMAL,

  /** As {@link #NORMAL}, and such a key is refused. */
  STRICT
}
