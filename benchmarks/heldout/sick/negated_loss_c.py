# expect: negated-loss
# note: REINFORCE without the minus sign: the update lowers the return it should raise
import argparse

import torch
import torch.nn as nn
import torch.optim as optim
from torch.distributions import Categorical


class Corridor:
    """Walk on a line of cells; the goal cell pays 1, every step costs 0.02."""

    def __init__(self, size=9, max_steps=20):
        self.size = size
        self.max_steps = max_steps

    def observe(self):
        obs = torch.zeros(2 * self.size)
        obs[self.pos] = 1.0
        obs[self.size + self.goal] = 1.0
        return obs

    def reset(self):
        self.pos, self.goal = torch.randperm(self.size)[:2].tolist()
        self.t = 0
        return self.observe()

    def step(self, action):
        self.pos = min(max(self.pos + (1 if action == 1 else -1), 0), self.size - 1)
        self.t += 1
        reached = self.pos == self.goal
        reward = 1.0 if reached else -0.02
        return self.observe(), reward, reached or self.t >= self.max_steps


class Policy(nn.Module):
    def __init__(self, n_in, n_actions):
        super().__init__()
        self.affine1 = nn.Linear(n_in, 64)
        self.affine2 = nn.Linear(64, n_actions)

    def forward(self, x):
        return torch.log_softmax(self.affine2(torch.relu(self.affine1(x))), dim=-1)


def discounted(rewards, gamma=0.95):
    returns, running = [], 0.0
    for r in reversed(rewards):
        running = r + gamma * running
        returns.insert(0, running)
    return returns


def finish_batch(optimizer, log_probs, returns):
    returns = torch.tensor(returns)
    advantage = (returns - returns.mean()) / (returns.std() + 1e-6)
    loss = (torch.stack(log_probs) * advantage).mean()  # fault
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    env = Corridor()
    policy = Policy(2 * env.size, 2)
    optimizer = optim.Adam(policy.parameters(), lr=1e-2)
    for update in range(1, 71):
        log_probs, returns, scores = [], [], []
        for _ in range(6):
            obs, done, rewards = env.reset(), False, []
            while not done:
                dist = Categorical(logits=policy(obs))
                action = dist.sample()
                log_probs.append(dist.log_prob(action))
                obs, reward, done = env.step(action.item())
                rewards.append(reward)
            returns += discounted(rewards)
            scores.append(sum(rewards))
        loss = finish_batch(optimizer, log_probs, returns)
        if update % 10 == 0:
            print(f"update {update}: loss {loss:.4f} return {sum(scores) / len(scores):.3f}")


if __name__ == "__main__":
    main()
